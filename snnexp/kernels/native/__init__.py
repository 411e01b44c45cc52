"""Kernels in C++, compiled for the machine they run on; plain torch does the same where there is no compiler."""
