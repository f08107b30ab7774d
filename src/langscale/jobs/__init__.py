"""Jobs of the workflow: logs, locks, GPUs, what a job makes from what, and whether that was made before."""
