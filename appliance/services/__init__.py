"""What must be served: labels and apps become one LoadBalancer, or a reason why not."""
