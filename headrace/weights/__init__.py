"""Files of weights -> what the model is, and its tensors."""
