"""What words mean, from static vectors that the operator supplies: no model is run, and none is needed."""
