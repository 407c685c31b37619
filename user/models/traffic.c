// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A device at work: bursts of DMA, somewhere in a range, until told to stop.
 *
 * It asks nobody whether the range is mapped. What it finds there it counts,
 * and whoever maps and unmaps beside it knows which counts may be other than 0:
 * a fault where nothing is mapped is hardware's answer; MF_FAULT_UNPINNED is
 * never an answer, it is a bug of whoever unpinned the page.
 *
 * Between two bursts it holds no lock and lets others run, so that a program
 * with more devices than processors gets on.
 */
#include <sched.h>
#include <stdlib.h>

#include "user/models/traffic.h"

/* splitmix64 */
static u64 draw(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* Where the next burst is: its first byte and how many, at least one. */
static u32 next_burst(const struct mf_traffic_config *config, u64 *chance, u64 *iova)
{
	u64 most = config->span.last - config->span.first, offset, bytes;

	offset = most == ~0ull ? draw(chance) : draw(chance) % (most + 1);
	bytes = 1 + draw(chance) % config->burst;
	*iova = config->span.first + offset;
	return (u32)mf_min(bytes - 1, most - offset) + 1;
}

static bool write_next(const struct mf_traffic_config *config, u64 *chance)
{
	if (config->prot == (MF_READ | MF_WRITE))
		return draw(chance) & 1;
	return config->prot & MF_WRITE;
}

static void count(struct mf_traffic *t, u32 bytes, int err)
{
	mf_mutex_lock(&t->lock);
	t->counts.bursts++;
	if (err) {
		t->counts.faults[t->device.fault.why]++;
		t->counts.last = t->device.fault;
	} else {
		t->counts.bytes += bytes;
	}
	mf_mutex_unlock(&t->lock);
	mf_turnstile_advance(&t->turn);
}

static bool to_stop(struct mf_traffic *t)
{
	bool stop;

	mf_mutex_lock(&t->lock);
	stop = t->stop;
	mf_mutex_unlock(&t->lock);
	return stop;
}

static void *work(void *argument)
{
	struct mf_traffic *t = argument;
	u64 chance = t->config.seed, iova;
	u32 bytes;
	int err;

	while (!to_stop(t)) {
		bytes = next_burst(&t->config, &chance, &iova);
		if (write_next(&t->config, &chance)) {
			memset(t->buffer, t->config.fill, bytes);
			err = mf_device_write(&t->device, iova, t->buffer, bytes);
		} else {
			err = mf_device_read(&t->device, iova, t->buffer, bytes);
		}
		count(t, bytes, err);
		sched_yield();
	}
	return NULL;
}

/**
 * mf_traffic_start() - let a device do DMA until mf_traffic_stop()
 * @t: where; nothing but these functions may touch it until then
 * @config: what it is to do; @burst is at least 1. Other devices may be in the
 *	same group
 *
 * Return: 0; -EINVAL for a burst of nothing or no right; -ENOMEM; or -EAGAIN
 * when there can be no more threads.
 */
int mf_traffic_start(struct mf_traffic *t, const struct mf_traffic_config *config)
{
	if (!config->burst || !(config->prot & (MF_READ | MF_WRITE)))
		return -EINVAL;
	memset(t, 0, sizeof(*t));
	t->config = *config;
	t->device.group = config->group;
	t->buffer = malloc(config->burst);
	if (!t->buffer)
		return -ENOMEM;
	mf_mutex_init(&t->lock);
	mf_turnstile_init(&t->turn);
	if (pthread_create(&t->thread, NULL, work, t)) {
		mf_turnstile_fini(&t->turn);
		mf_mutex_fini(&t->lock);
		free(t->buffer);
		return -EAGAIN;
	}
	return 0;
}

/**
 * mf_traffic_wait() - wait until so many more bursts have ended
 * @t: a device at work
 * @bursts: how many from now on, one that is under way included
 */
void mf_traffic_wait(struct mf_traffic *t, u64 bursts)
{
	u64 from = mf_turnstile_read(&t->turn), now = from;

	while (now - from < bursts) {
		mf_turnstile_wait(&t->turn, now);
		now = mf_turnstile_read(&t->turn);
	}
}

/**
 * mf_traffic_counts() - what a device at work did so far
 */
struct mf_traffic_counts mf_traffic_counts(struct mf_traffic *t)
{
	struct mf_traffic_counts counts;

	mf_mutex_lock(&t->lock);
	counts = t->counts;
	mf_mutex_unlock(&t->lock);
	return counts;
}

/**
 * mf_traffic_stop() - let a device end its burst and stop
 *
 * Return: what it did in all.
 */
struct mf_traffic_counts mf_traffic_stop(struct mf_traffic *t)
{
	mf_mutex_lock(&t->lock);
	t->stop = true;
	mf_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	mf_turnstile_fini(&t->turn);
	mf_mutex_fini(&t->lock);
	free(t->buffer);
	return t->counts;
}

/**
 * mf_traffic_faults() - how many bursts ended at a fault of any kind
 */
u64 mf_traffic_faults(const struct mf_traffic_counts *counts)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < MF_NR_FAULTS; i++)
		sum += counts->faults[i];
	return sum;
}
