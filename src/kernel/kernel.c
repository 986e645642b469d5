/*-------------------------------------------------------------------------
 *
 * kernel.c
 *	  Chooses a kernel by what the processor and the operating system offer.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/kernel.h"

const EsKernel *es_kernel = &es_kernel_scalar;
EsKernelUse es_kernel_use[ES_KERNEL_LOOPS];

/* As statistics call it. */
const char *
es_kernel_loop_name(EsKernelLoop loop)
{
	static const char *const names[ES_KERNEL_LOOPS] = {
		[ES_LOOP_RANGE] = "range",
		[ES_LOOP_EQUAL] = "equal",
		[ES_LOOP_IN_SET] = "in_set",
		[ES_LOOP_MEMBER] = "member",
		[ES_LOOP_UNPACK] = "unpack",
		[ES_LOOP_EXPAND] = "expand",
		[ES_LOOP_COUNT] = "count",
		[ES_LOOP_AND] = "and",
		[ES_LOOP_OR] = "or",
		[ES_LOOP_AND_NOT] = "and_not",
		[ES_LOOP_SUM] = "sum"
	};

	return names[loop];
}

/* The features are those that flags.mk lets the compiler use. */
#ifdef __x86_64__

static bool
has_v128(void)
{
	return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
}

static bool
has_avx2(void)
{
	return has_v128() && __builtin_cpu_supports("avx2") &&
		__builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

static bool
has_avx512(void)
{
	return has_avx2() &&
		__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

#endif

static const EsKernel *
widest(void)
{
	for (int choice = ES_KERNEL_AVX512; choice > ES_KERNEL_SCALAR; choice--)
	{
		const EsKernel *kernel = es_kernel_choose(choice);

		if (kernel != NULL)
			return kernel;
	}
	return &es_kernel_scalar;
}

/* Returns NULL when this machine cannot run the chosen kernel. */
const EsKernel *
es_kernel_choose(EsKernelChoice choice)
{
	switch (choice)
	{
		case ES_KERNEL_AUTO:
			return widest();
		case ES_KERNEL_SCALAR:
			return &es_kernel_scalar;
#ifdef __x86_64__
		case ES_KERNEL_V128:
			return has_v128() ? &es_kernel_v128 : NULL;
		case ES_KERNEL_AVX2:
			return has_avx2() ? &es_kernel_avx2 : NULL;
		case ES_KERNEL_AVX512:
			return has_avx512() ? &es_kernel_avx512 : NULL;
#else
		case ES_KERNEL_V128:
			return &es_kernel_v128;
#endif
		default:
			return NULL;
	}
}
