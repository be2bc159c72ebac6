/* The login that is current: static, and from files that change. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "credential_desk.h"

Test(credential, a_static_token_is_at_hand)
{
    struct desk desk;
    open_desk(&desk);
    desk.access.token = "static";
    start(&desk);
    const struct hf_login *login = hf_credential_now(desk.credential);
    cr_assert_not_null(login);
    cr_expect_str_eq(login->bearer, "static");
    get(&desk);
    cr_expect_str_eq(desk.bearer, "static");
    cr_expect_not(hf_credential_reject(desk.credential), "there is nothing new to try");
    close_desk(&desk);
}

Test(credential, a_user_name_and_password_become_a_basic_header)
{
    struct desk desk;
    open_desk(&desk);
    desk.access.username = "Aladdin";
    desk.access.password = "open sesame";
    start(&desk);
    get(&desk);
    cr_expect_str_eq(desk.header, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    close_desk(&desk);
}

Test(credential, what_the_access_says_of_trust_is_in_the_login)
{
    struct desk desk;
    struct hf_http_header impersonate = {"Impersonate-User", "jane"};
    open_desk(&desk);
    desk.access.ca_pem = PEM("CERTIFICATE");
    desk.access.server_name = "kube.internal";
    desk.access.proxy = "";
    desk.access.impersonate = &impersonate;
    desk.access.impersonate_count = 1;
    start(&desk);
    const struct hf_login *login = hf_credential_now(desk.credential);
    cr_assert_not_null(login);
    cr_expect_str_eq(login->server.ca_pem, PEM("CERTIFICATE"));
    cr_expect_str_eq(login->server.server_name, "kube.internal");
    cr_expect_str_eq(login->server.proxy, "");
    cr_expect_null(login->bearer);
    cr_assert_eq(login->header_count, 1);
    cr_expect_str_eq(login->headers[0].value, "jane");
    close_desk(&desk);
}

Test(credential, a_token_file_is_read_again_when_it_changes)
{
    struct desk desk;
    open_desk(&desk);
    write_text(desk.file, "  first\n");
    desk.access.token_file = desk.file;
    start(&desk);
    cr_expect_str_eq(hf_credential_now(desk.credential)->bearer, "first");
    cr_expect_not(hf_credential_reject(desk.credential), "the file says the same");
    write_text(desk.file, "second token");
    cr_expect_str_eq(hf_credential_now(desk.credential)->bearer, "second token");
    /* As kubelet does it: another file put in its place. */
    char other[128];
    snprintf(other, sizeof other, "%s/new", desk.folder);
    write_text(other, "third tokens");
    cr_assert_eq(rename(other, desk.file), 0);
    cr_expect(hf_credential_reject(desk.credential), "there is a new one");
    cr_expect_str_eq(hf_credential_now(desk.credential)->bearer, "third tokens");
    close_desk(&desk);
}

Test(credential, a_token_file_that_vanishes_leaves_the_last_token_in_use)
{
    struct desk desk;
    open_desk(&desk);
    write_text(desk.file, "kept");
    desk.access.token_file = desk.file;
    start(&desk);
    cr_expect_str_eq(hf_credential_now(desk.credential)->bearer, "kept");
    unlink(desk.file);
    cr_expect_not(hf_credential_reject(desk.credential));
    cr_expect_str_eq(hf_credential_now(desk.credential)->bearer, "kept");
    close_desk(&desk);
}

struct file_case {
    bool exists;
    char token[16];
    enum hf_code code;
    char text[32];
};

ParameterizedTestParameters(credential, a_token_file_without_a_token_is_an_error)
{
    static struct file_case cases[] = {{false, "", HF_ENOTFOUND, "No such file"}, {true, " \n", HF_EINVAL, "no token"}};
    return cr_make_param_array(struct file_case, cases, 2);
}

ParameterizedTest(struct file_case *one, credential, a_token_file_without_a_token_is_an_error)
{
    struct desk desk;
    open_desk(&desk);
    if (one->exists) {
        write_text(desk.file, one->token);
    }
    desk.access.token_file = desk.file;
    start(&desk);
    cr_expect_null(hf_credential_now(desk.credential));
    get(&desk);
    cr_expect_eq(desk.err.code, one->code, "%s", desk.err.text);
    cr_expect_not_null(strstr(desk.err.text, one->text), "%s", desk.err.text);
    cr_expect_not_null(strstr(desk.err.text, desk.file), "%s", desk.err.text);
    close_desk(&desk);
}

Test(credential, a_certificate_pair_is_replaced_only_as_a_pair)
{
    struct desk desk;
    char cert[128];
    char key[128];
    open_desk(&desk);
    snprintf(cert, sizeof cert, "%s/cert", desk.folder);
    snprintf(key, sizeof key, "%s/key", desk.folder);
    write_text(cert, PEM("CERTIFICATE"));
    write_text(key, PEM("KEY"));
    desk.access.cert_file = cert;
    desk.access.key_file = key;
    desk.access.cert_pem = PEM("CERTIFICATE");
    desk.access.key_pem = PEM("KEY");
    start(&desk);
    cr_expect_str_eq(hf_credential_now(desk.credential)->server.cert_pem, PEM("CERTIFICATE"));
    write_text(cert, PEM("NEW CERTIFICATE"));
    write_text(key, "half writ");
    cr_expect_str_eq(hf_credential_now(desk.credential)->server.cert_pem, PEM("CERTIFICATE"));
    write_text(key, PEM("NEW KEY"));
    cr_expect_str_eq(hf_credential_now(desk.credential)->server.cert_pem, PEM("NEW CERTIFICATE"));
    cr_expect_str_eq(hf_credential_now(desk.credential)->server.key_pem, PEM("NEW KEY"));
    close_desk(&desk);
}
