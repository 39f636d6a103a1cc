"""Embeddings kept as Parquet, Arrow, Zarr or npy files, searched where they are."""
