// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What things are called in scenarios, and in what is said about them.
 */
#include "tools/sim/scenario.h"
#include "user/models/amdvi/amdvi.h"
#include "user/models/riscv/riscv.h"
#include "user/models/smmuv3/smmuv3.h"
#include "user/models/unit.h"
#include "user/models/vtd/vtd.h"

const struct mf_format *const formats[] = {
	&mf_format_simple, &mf_format_vtd, &mf_format_amdvi, &mf_format_smmuv3, &mf_format_riscv,
	NULL,
};

const struct word fault_words[] = {
	{ "no-domain", MF_FAULT_NO_DOMAIN },
	{ "aperture", MF_FAULT_APERTURE },
	{ "not-present", MF_FAULT_NOT_PRESENT },
	{ "reserved-bit", MF_FAULT_RESERVED },
	{ "table", MF_FAULT_TABLE },
	{ "device", MF_FAULT_DEVICE },
	{ "read", MF_FAULT_READ },
	{ "write", MF_FAULT_WRITE },
	{ "nowhere", MF_FAULT_NOWHERE },
	{ "unpinned", MF_FAULT_UNPINNED },
	{ NULL, 0 },
};

const struct word errno_words[] = {
	{ "EPERM", EPERM },
	{ "EINTR", EINTR },
	{ "EIO", EIO },
	{ "EAGAIN", EAGAIN },
	{ "ENOMEM", ENOMEM },
	{ "EFAULT", EFAULT },
	{ "EBUSY", EBUSY },
	{ "EEXIST", EEXIST },
	{ "ENODEV", ENODEV },
	{ "EINVAL", EINVAL },
	{ "ENOSPC", ENOSPC },
	{ "ERANGE", ERANGE },
	{ "EOPNOTSUPP", EOPNOTSUPP },
	{ "EADDRINUSE", EADDRINUSE },
	{ NULL, 0 },
};

const struct word region_words[] = {
	{ "direct", MF_REGION_DIRECT },
	{ "direct-relaxable", MF_REGION_DIRECT_RELAXABLE },
	{ "reserved", MF_REGION_RESERVED },
	{ "msi", MF_REGION_MSI },
	{ "software-msi", MF_REGION_SW_MSI },
	{ NULL, 0 },
};

const struct word layout_words[] = {
	{ "contiguous", MF_RAM_CONTIGUOUS },
	{ "scattered", MF_RAM_SCATTERED },
	{ "clustered", MF_RAM_CLUSTERED },
	{ NULL, 0 },
};

/**
 * word_of() - the word for a value, or "?"
 */
const char *word_of(const struct word *words, u32 value)
{
	for (; words->name; words++) {
		if (words->value == value)
			return words->name;
	}
	return "?";
}
