"""The pool that the messages are registered in: not the process's default one.

A client of the same protocol (tritonclient) registers messages of the same names there, and one pool takes each name once.
"""

from google.protobuf.descriptor_pool import DescriptorPool

POOL = DescriptorPool()
