"""What the Snakefile needs to know before anything runs: config, manifest, paths, batches, digests. Free of torch."""
