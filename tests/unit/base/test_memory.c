/* What a process leaves behind. */
#include "holdfast/mem.h"

#include <criterion/criterion.h>
#include <sys/prctl.h>
#include <sys/resource.h>

Test(mem, a_process_that_keeps_its_memory_private_can_not_be_dumped)
{
    struct rlimit limit;
    hf_keep_memory_private();
    cr_assert_eq(getrlimit(RLIMIT_CORE, &limit), 0);
    cr_assert_eq(limit.rlim_cur, 0u);
    cr_assert_eq(limit.rlim_max, 0u);
    cr_assert_eq(prctl(PR_GET_DUMPABLE), 0);
}
