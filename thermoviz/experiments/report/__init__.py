"""What can be measured of somebody's own model: its Hessian, the noise of its gradients, and both along its path."""
