# The instruction sets of the kernels, for every makefile that compiles them:
# KERNEL_FLAGS_name are the compiler's flags for name.c, empty where the machine
# has no such file.  kernel.c asks the machine for the same features.

ifneq (,$(filter x86_64-% amd64-%,$(shell $(CC) -dumpmachine)))
KERNEL_FLAGS_kernel_v128 = -msse4.2 -mpopcnt
KERNEL_FLAGS_kernel_avx2 = $(KERNEL_FLAGS_kernel_v128) -mavx2 -mbmi -mbmi2
KERNEL_FLAGS_kernel_avx512 = $(KERNEL_FLAGS_kernel_avx2) \
	-mavx512f -mavx512bw -mavx512dq -mavx512vl
endif
