"""Training: batch samplers, the loss, the loop, and the steps of encoders and adapters."""
