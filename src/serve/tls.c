#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "door.h"

int hf_tls_check(const char *cert_pem, const char *key_pem, struct hf_error *err)
{
    BIO *cert_bytes = BIO_new_mem_buf(cert_pem, -1);
    BIO *key_bytes = BIO_new_mem_buf(key_pem, -1);
    X509 *x509 = cert_bytes ? PEM_read_bio_X509(cert_bytes, NULL, NULL, NULL) : NULL;
    EVP_PKEY *pkey = key_bytes ? PEM_read_bio_PrivateKey(key_bytes, NULL, NULL, (void *)(uintptr_t) "") : NULL;
    const char *why = !x509   ? "found no certificate in PEM in cert_file"
                      : !pkey ? "found no private key in PEM, without a password, in key_file"
                      : X509_check_private_key(x509, pkey) != 1 ? "the key is not the certificate's"
                                                                : NULL;
    EVP_PKEY_free(pkey);
    X509_free(x509);
    BIO_free(key_bytes);
    BIO_free(cert_bytes);
    ERR_clear_error();
    return why ? hf_error_set(err, HF_EINVAL, "%s", why) : 0;
}
