/*
 * kinds.h
 *		The workloads, and what one borrows from another.
 */
#ifndef BENCH_KINDS_H
#define BENCH_KINDS_H

#include "workload.h"

extern const Kind orders_kind;
extern const Kind english_kind;
extern const Kind small_kind;
extern const Kind shapes_kind;
extern const Kind hostile_kind;

extern void orders_fill(Event *event, Random *random);
extern void orders_render_start(const Event *event, Buffer *out);
extern void orders_render_metadata(const Event *event, Buffer *out);

#endif							/* BENCH_KINDS_H */
