"""Contents without this patient's organ, seen through a mask to find what its shape tells. One module each.

No training may use any of them.
"""
