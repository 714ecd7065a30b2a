"""What visitors bring: kept for a while beside the store, found by the hash of its contents, and deleted on demand."""
