"""What is inside Zarr data where they lie: their structure, and one small picture of them.

A record's address is a text of a stranger, and so are the metadata and the chunks behind it. They are read in a process
of their own, over our own HTTP client, within limits of bytes, time and memory that are checked before anything is made
of the size that the metadata claim.
"""
