"""Near-duplicate detection: MinHash signatures, LSH buckets, exact Jaccard, clusters."""
