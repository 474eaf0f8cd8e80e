#!/bin/sh
# In a real checkout this launches a TD inside L1, its ssh forwarded from L1's port 10032.
echo 'launch-td.sh: this checkout is a stand-in: its L1 has no TDX module to launch a TD with' >&2
exit 1
