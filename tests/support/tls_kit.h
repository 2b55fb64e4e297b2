/* Certificates for the tests of TLS: an authority made on the spot, and certificates of its under a folder of /tmp, as PEM. */
#ifndef REMPART_TLS_KIT_H
#define REMPART_TLS_KIT_H

#include <stdio.h>
#include <stdlib.h>

#define ERR_STATE ossl_err_state
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

struct authority {
	EVP_PKEY *key;
	X509 *cert;
	char dir[64];
	long serial;
};

static inline void pem_path(const struct authority *a, const char *name, const char *kind,
			    char path[128])
{
	snprintf(path, 128, "%s/%s.%s", a->dir, name, kind);
}

static inline X509 *cert_new(struct authority *a, EVP_PKEY *key, const char *cn)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++a->serial);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
	X509_set_pubkey(x, key);
	return x;
}

static inline void cert_extend(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(e);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

static inline void pem_write(const struct authority *a, const char *name, X509 *x, EVP_PKEY *key)
{
	char path[128];
	FILE *f;

	pem_path(a, name, "pem", path);
	f = fopen(path, "w");
	assert_non_null(f);
	PEM_write_X509(f, x);
	fclose(f);
	pem_path(a, name, "key", path);
	f = fopen(path, "w");
	assert_non_null(f);
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
}

/* NAME.pem and NAME.key with a subjectAltName such as "DNS:a.example,IP:127.0.0.1", and what it may be used for ("serverAuth"),
 * NULL for anything. */
static inline void authority_issue_for(struct authority *a, const char *name, const char *san,
				       const char *usage)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = cert_new(a, key, name);

	X509_set_issuer_name(x, X509_get_subject_name(a->cert));
	cert_extend(x, NID_subject_alt_name, san);
	if (usage)
		cert_extend(x, NID_ext_key_usage, usage);
	X509_sign(x, a->key, EVP_sha256());
	pem_write(a, name, x, key);
	X509_free(x);
	EVP_PKEY_free(key);
}

static inline void authority_issue(struct authority *a, const char *name, const char *san)
{
	authority_issue_for(a, name, san, NULL);
}

/* ca.pem and ca.key in a new folder. */
static inline void authority_open(struct authority *a)
{
	memset(a, 0, sizeof *a);
	snprintf(a->dir, sizeof a->dir, "/tmp/rempart-tls-XXXXXX");
	assert_non_null(mkdtemp(a->dir));
	a->key = EVP_EC_gen("P-256");
	a->cert = cert_new(a, a->key, "test authority");
	X509_set_issuer_name(a->cert, X509_get_subject_name(a->cert));
	cert_extend(a->cert, NID_basic_constraints, "critical,CA:TRUE");
	X509_sign(a->cert, a->key, EVP_sha256());
	pem_write(a, "ca", a->cert, a->key);
}

static inline void authority_remove(const struct authority *a, const char *name)
{
	char path[128];

	pem_path(a, name, "pem", path);
	(void)!remove(path);
	pem_path(a, name, "key", path);
	(void)!remove(path);
}

static inline void authority_close(struct authority *a)
{
	authority_remove(a, "ca");
	(void)!remove(a->dir);
	X509_free(a->cert);
	EVP_PKEY_free(a->key);
}

#endif
