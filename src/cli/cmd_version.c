#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <stdio.h>
#include <yaml.h>
#include <zlib.h>

#include "command.h"

static int run(const struct hf_command *command, int argc, char **argv)
{
    const struct hf_option none[] = {{0}};
    int exit_code;
    if (hf_options_read(command, none, argc, argv, &exit_code) < 0) {
        return exit_code;
    }
    printf("holdfast %s\n", HF_VERSION);
    printf("%s\n", curl_version());
    printf("cJSON/%s libyaml/%s SQLite/%s libmicrohttpd/%s zlib/%s %s\n", cJSON_Version(), yaml_get_version_string(),
           sqlite3_libversion(), MHD_get_version(), zlibVersion(), OpenSSL_version(OPENSSL_VERSION));
    return HF_EXIT_OK;
}

const struct hf_command hf_cmd_version = {
    .name = "version",
    .summary = "Print the version of holdfast and of the libraries it runs with.",
    .usage = "version",
    .run = run,
};
