"""Jobs of the workflow: logs, locks, GPUs, manifests of outputs, and records of their origin."""
