"""Training of segmenters and interpreters: resumable, repeatable on one machine."""
