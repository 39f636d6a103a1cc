"""The search interface and the engines that implement it."""
