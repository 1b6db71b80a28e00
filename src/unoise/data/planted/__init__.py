"""Phantoms of which it is known what a segmenter must look at: one cue a module.

Each declares the `TRUTH`, the structures that a segmenter needs, and its `CHANGES`: what is done to the cue, and
whether the answer of a segmenter that uses the cue is then `gone` or `stays`.
"""
