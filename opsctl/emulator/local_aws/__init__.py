"""The local AWS: MiniStack, pinned, with the defects this project meets put right.

``python -m local_aws --port N --state-dir DIR`` serves on 127.0.0.1 only. Every fix is one module below
``local_aws.fixes``; each names the defect, what AWS does, and what it changes.
"""

MINISTACK_VERSION = "1.5.33"
"""The only MiniStack release the fixes were written against: they replace its private functions by name."""
