// SPDX-License-Identifier: Apache-2.0
#pragma once

// Before a function of plain loops: the compiler makes vector code of it for
// each of these processors, and the loader takes the widest that runs.
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define SAM2_VECTOR_CLONES __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define SAM2_VECTOR_CLONES
#endif
