"""Every operation costs what it returns: measured at two sizes of one account, on both engines, in steps and buffers."""
