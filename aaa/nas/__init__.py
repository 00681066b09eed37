"""What each vendor's access servers speak: one file per dialect, pure.

Owns the redirect that a NAS sends a browser with, how a log-in is finished there, and how a grant
is written in that vendor's reply attributes. Not here: HTTP, packets, the decision itself.
"""
