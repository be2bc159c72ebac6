/* Which agent a command means, who gives it, and which object: the same for all that speak to a running agent. */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "command.h"
#include "holdfast/config.h"

/* The name behind sudo counts, else the one who is logged in by the user database. */
const char *hf_command_who(void)
{
    const char *sudo = geteuid() == 0 ? getenv("SUDO_USER") : NULL;
    const struct passwd *entry = getpwuid(getuid());
    return sudo && *sudo ? sudo : entry && entry->pw_name ? entry->pw_name : "unknown";
}

int hf_command_database(const char *config_path, const char *database, const char *target, const char *suffix,
                        struct hf_buf *out, struct hf_error *err)
{
    struct hf_config *config = NULL;
    bool is_known = !target || !config_path;
    if (!config_path && !database) {
        return hf_error_set(err, HF_EINVAL, "expected --config FILE, or --database FILE: which agent is meant");
    }
    if (config_path && hf_config_load(config_path, &config, err) != 0) {
        return -1;
    }
    for (size_t i = 0; config && i < config->target_count; i++) {
        is_known = is_known || strcmp(config->targets[i].name, target) == 0;
    }
    hf_buf_addf(out, "%s%s", database ? database : config->database, suffix);
    hf_config_free(config);
    if (!is_known) {
        return hf_error_set(err, HF_ENOTFOUND, "--target: found \"%s\", which %s does not have", target, config_path);
    }
    return hf_buf_ok(out) ? 0 : hf_error_set(err, HF_ENOMEM, "out of memory");
}

int hf_command_object(char *text, const char **kind, const char **namespace, const char **name, struct hf_error *err)
{
    char *slash = strchr(text, '/');
    char *last = strrchr(text, '/');
    *kind = text;
    *name = last ? last + 1 : "";
    *namespace = slash != last ? slash + 1 : NULL;
    if (slash) {
        *slash = *last = '\0';
    }
    if (!slash || !**kind || !**name || (*namespace && !**namespace) || strchr(*namespace ? *namespace : "", '/')) {
        return hf_error_set(err, HF_EINVAL,
                            "--object: expected KIND/NAME or KIND/NAMESPACE/NAME, as Deployment/traderx/trade-service");
    }
    return 0;
}
