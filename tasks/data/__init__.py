"""Published data sets that the user fetches: read from the hub's Parquet or the publisher's own files, checked, and
converted once to one Parquet file under the data folder."""
