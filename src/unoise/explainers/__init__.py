"""Explainers: each makes one importance map a case. One module each; controls know nothing of how the model decides."""
