package probe

import (
	"slices"
	"strings"
)

// guidelineSuites are the TLS 1.2 suites of the Mozilla guideline 6.0, intermediate; modern has none.
var guidelineSuites = []suite{
	{0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256"},
	{0xc02f, "ECDHE-RSA-AES128-GCM-SHA256"},
	{0xc02c, "ECDHE-ECDSA-AES256-GCM-SHA384"},
	{0xc030, "ECDHE-RSA-AES256-GCM-SHA384"},
	{0xcca9, "ECDHE-ECDSA-CHACHA20-POLY1305"},
	{0xcca8, "ECDHE-RSA-CHACHA20-POLY1305"},
}

// suites13 are the TLS 1.3 suites of RFC 8446 appendix B.4; the guideline 6.0 has the first three, in both profiles.
var suites13 = []suite{
	{0x1301, "TLS_AES_128_GCM_SHA256"},
	{0x1302, "TLS_AES_256_GCM_SHA384"},
	{0x1303, "TLS_CHACHA20_POLY1305_SHA256"},
	{0x1304, "TLS_AES_128_CCM_SHA256"},
	{0x1305, "TLS_AES_128_CCM_8_SHA256"},
}

// suite is a cipher suite by its IANA number and its OpenSSL name, which is what stands in configurations.
type suite struct {
	id   uint16
	name string
}

// broken reports a suite that protects nobody today: no encryption, no authentication, or a cipher of less than 112
// bits (RFC 9325 section 4.1; SSL Labs guide 2009r, class F and C).
func (s suite) broken() bool {
	return slices.ContainsFunc([]string{"NULL", "EXP", "ADH", "AECDH", "RC4", "RC2", "DES-CBC", "IDEA", "MD5"}, func(part string) bool {
		return strings.Contains(s.name, part)
	})
}

func ids(suites []suite) []uint16 {
	out := make([]uint16, len(suites))
	for i, s := range suites {
		out[i] = s.id
	}
	return out
}

func names(suites []suite) string {
	out := make([]string, len(suites))
	for i, s := range suites {
		out[i] = s.name
	}
	return strings.Join(out, ", ")
}

// otherSuites are all that the guideline does not have, of SSL 3.0 to TLS 1.2, without those that need a shared
// password (PSK, SRP), Kerberos or GOST: no browser has those, and no server offers them without being set up for it.
var otherSuites = []suite{
	{0x0001, "NULL-MD5"},
	{0x0002, "NULL-SHA"},
	{0x0003, "EXP-RC4-MD5"},
	{0x0004, "RC4-MD5"},
	{0x0005, "RC4-SHA"},
	{0x0006, "EXP-RC2-CBC-MD5"},
	{0x0007, "IDEA-CBC-SHA"},
	{0x0008, "EXP-DES-CBC-SHA"},
	{0x0009, "DES-CBC-SHA"},
	{0x000a, "DES-CBC3-SHA"},
	{0x000b, "EXP-DH-DSS-DES-CBC-SHA"},
	{0x000c, "DH-DSS-DES-CBC-SHA"},
	{0x000d, "DH-DSS-DES-CBC3-SHA"},
	{0x000e, "EXP-DH-RSA-DES-CBC-SHA"},
	{0x000f, "DH-RSA-DES-CBC-SHA"},
	{0x0010, "DH-RSA-DES-CBC3-SHA"},
	{0x0011, "EXP-DHE-DSS-DES-CBC-SHA"},
	{0x0012, "DHE-DSS-DES-CBC-SHA"},
	{0x0013, "DHE-DSS-DES-CBC3-SHA"},
	{0x0014, "EXP-DHE-RSA-DES-CBC-SHA"},
	{0x0015, "DHE-RSA-DES-CBC-SHA"},
	{0x0016, "DHE-RSA-DES-CBC3-SHA"},
	{0x0017, "EXP-ADH-RC4-MD5"},
	{0x0018, "ADH-RC4-MD5"},
	{0x0019, "EXP-ADH-DES-CBC-SHA"},
	{0x001a, "ADH-DES-CBC-SHA"},
	{0x001b, "ADH-DES-CBC3-SHA"},
	{0x002f, "AES128-SHA"},
	{0x0032, "DHE-DSS-AES128-SHA"},
	{0x0033, "DHE-RSA-AES128-SHA"},
	{0x0034, "ADH-AES128-SHA"},
	{0x0035, "AES256-SHA"},
	{0x0038, "DHE-DSS-AES256-SHA"},
	{0x0039, "DHE-RSA-AES256-SHA"},
	{0x003a, "ADH-AES256-SHA"},
	{0x003b, "NULL-SHA256"},
	{0x003c, "AES128-SHA256"},
	{0x003d, "AES256-SHA256"},
	{0x0040, "DHE-DSS-AES128-SHA256"},
	{0x0041, "CAMELLIA128-SHA"},
	{0x0044, "DHE-DSS-CAMELLIA128-SHA"},
	{0x0045, "DHE-RSA-CAMELLIA128-SHA"},
	{0x0046, "ADH-CAMELLIA128-SHA"},
	{0x0062, "EXP1024-DES-CBC-SHA"},
	{0x0063, "EXP1024-DHE-DSS-DES-CBC-SHA"},
	{0x0064, "EXP1024-RC4-SHA"},
	{0x0065, "EXP1024-DHE-DSS-RC4-SHA"},
	{0x0066, "DHE-DSS-RC4-SHA"},
	{0x0067, "DHE-RSA-AES128-SHA256"},
	{0x006a, "DHE-DSS-AES256-SHA256"},
	{0x006b, "DHE-RSA-AES256-SHA256"},
	{0x006c, "ADH-AES128-SHA256"},
	{0x006d, "ADH-AES256-SHA256"},
	{0x0084, "CAMELLIA256-SHA"},
	{0x0087, "DHE-DSS-CAMELLIA256-SHA"},
	{0x0088, "DHE-RSA-CAMELLIA256-SHA"},
	{0x0089, "ADH-CAMELLIA256-SHA"},
	{0x0096, "SEED-SHA"},
	{0x0099, "DHE-DSS-SEED-SHA"},
	{0x009a, "DHE-RSA-SEED-SHA"},
	{0x009b, "ADH-SEED-SHA"},
	{0x009c, "AES128-GCM-SHA256"},
	{0x009d, "AES256-GCM-SHA384"},
	{0x009e, "DHE-RSA-AES128-GCM-SHA256"},
	{0x009f, "DHE-RSA-AES256-GCM-SHA384"},
	{0x00a2, "DHE-DSS-AES128-GCM-SHA256"},
	{0x00a3, "DHE-DSS-AES256-GCM-SHA384"},
	{0x00a6, "ADH-AES128-GCM-SHA256"},
	{0x00a7, "ADH-AES256-GCM-SHA384"},
	{0x00ba, "CAMELLIA128-SHA256"},
	{0x00bd, "DHE-DSS-CAMELLIA128-SHA256"},
	{0x00be, "DHE-RSA-CAMELLIA128-SHA256"},
	{0x00bf, "ADH-CAMELLIA128-SHA256"},
	{0x00c0, "CAMELLIA256-SHA256"},
	{0x00c3, "DHE-DSS-CAMELLIA256-SHA256"},
	{0x00c4, "DHE-RSA-CAMELLIA256-SHA256"},
	{0x00c5, "ADH-CAMELLIA256-SHA256"},
	{0xc001, "ECDH-ECDSA-NULL-SHA"},
	{0xc002, "ECDH-ECDSA-RC4-SHA"},
	{0xc003, "ECDH-ECDSA-DES-CBC3-SHA"},
	{0xc004, "ECDH-ECDSA-AES128-SHA"},
	{0xc005, "ECDH-ECDSA-AES256-SHA"},
	{0xc006, "ECDHE-ECDSA-NULL-SHA"},
	{0xc007, "ECDHE-ECDSA-RC4-SHA"},
	{0xc008, "ECDHE-ECDSA-DES-CBC3-SHA"},
	{0xc009, "ECDHE-ECDSA-AES128-SHA"},
	{0xc00a, "ECDHE-ECDSA-AES256-SHA"},
	{0xc00b, "ECDH-RSA-NULL-SHA"},
	{0xc00c, "ECDH-RSA-RC4-SHA"},
	{0xc00d, "ECDH-RSA-DES-CBC3-SHA"},
	{0xc00e, "ECDH-RSA-AES128-SHA"},
	{0xc00f, "ECDH-RSA-AES256-SHA"},
	{0xc010, "ECDHE-RSA-NULL-SHA"},
	{0xc011, "ECDHE-RSA-RC4-SHA"},
	{0xc012, "ECDHE-RSA-DES-CBC3-SHA"},
	{0xc013, "ECDHE-RSA-AES128-SHA"},
	{0xc014, "ECDHE-RSA-AES256-SHA"},
	{0xc015, "AECDH-NULL-SHA"},
	{0xc016, "AECDH-RC4-SHA"},
	{0xc017, "AECDH-DES-CBC3-SHA"},
	{0xc018, "AECDH-AES128-SHA"},
	{0xc019, "AECDH-AES256-SHA"},
	{0xc023, "ECDHE-ECDSA-AES128-SHA256"},
	{0xc024, "ECDHE-ECDSA-AES256-SHA384"},
	{0xc025, "ECDH-ECDSA-AES128-SHA256"},
	{0xc026, "ECDH-ECDSA-AES256-SHA384"},
	{0xc027, "ECDHE-RSA-AES128-SHA256"},
	{0xc028, "ECDHE-RSA-AES256-SHA384"},
	{0xc029, "ECDH-RSA-AES128-SHA256"},
	{0xc02a, "ECDH-RSA-AES256-SHA384"},
	{0xc02d, "ECDH-ECDSA-AES128-GCM-SHA256"},
	{0xc02e, "ECDH-ECDSA-AES256-GCM-SHA384"},
	{0xc031, "ECDH-RSA-AES128-GCM-SHA256"},
	{0xc032, "ECDH-RSA-AES256-GCM-SHA384"},
	{0xc050, "ARIA128-GCM-SHA256"},
	{0xc051, "ARIA256-GCM-SHA384"},
	{0xc052, "DHE-RSA-ARIA128-GCM-SHA256"},
	{0xc053, "DHE-RSA-ARIA256-GCM-SHA384"},
	{0xc056, "DHE-DSS-ARIA128-GCM-SHA256"},
	{0xc057, "DHE-DSS-ARIA256-GCM-SHA384"},
	{0xc05c, "ECDHE-ECDSA-ARIA128-GCM-SHA256"},
	{0xc05d, "ECDHE-ECDSA-ARIA256-GCM-SHA384"},
	{0xc060, "ECDHE-ARIA128-GCM-SHA256"},
	{0xc061, "ECDHE-ARIA256-GCM-SHA384"},
	{0xc072, "ECDHE-ECDSA-CAMELLIA128-SHA256"},
	{0xc073, "ECDHE-ECDSA-CAMELLIA256-SHA384"},
	{0xc076, "ECDHE-RSA-CAMELLIA128-SHA256"},
	{0xc077, "ECDHE-RSA-CAMELLIA256-SHA384"},
	{0xc09c, "AES128-CCM"},
	{0xc09d, "AES256-CCM"},
	{0xc09e, "DHE-RSA-AES128-CCM"},
	{0xc09f, "DHE-RSA-AES256-CCM"},
	{0xc0a0, "AES128-CCM8"},
	{0xc0a1, "AES256-CCM8"},
	{0xc0a2, "DHE-RSA-AES128-CCM8"},
	{0xc0a3, "DHE-RSA-AES256-CCM8"},
	{0xc0ac, "ECDHE-ECDSA-AES128-CCM"},
	{0xc0ad, "ECDHE-ECDSA-AES256-CCM"},
	{0xc0ae, "ECDHE-ECDSA-AES128-CCM8"},
	{0xc0af, "ECDHE-ECDSA-AES256-CCM8"},
	{0xccaa, "DHE-RSA-CHACHA20-POLY1305"},
}
