//! Whether the bytes of a form are read here as a server reads them.
//!
//! Many servers decompress a form, and some decode the names of its parameters by the charset of the media type, in which
//! they can be other bytes.

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};

/// What browsers send, and what servers therefore decompress and decode. Other multipart bodies are forms to a few servers,
/// as they are sent.
const FORMS: [&str; 2] = ["application/x-www-form-urlencoded", "multipart/form-data"];

/// Charsets that extend ASCII, without `-` and `_`: a name of ASCII letters is the same bytes in each, and only those.
///
/// The stateful ones, ISO-2022 and HZ, are absent: their escape sequences can be within a name, and vanish.
const CHARSETS: &[&str] = &[
    "ansix3.41968",
    "ascii",
    "big5",
    "big5hkscs",
    "cnbig5",
    "euccn",
    "eucjp",
    "euckr",
    "euctw",
    "gb18030",
    "gb2312",
    "gbk",
    "koi8r",
    "koi8ru",
    "koi8u",
    "ksc5601",
    "ksc56011987",
    "macintosh",
    "ms932",
    "mskanji",
    "shiftjis",
    "sjis",
    "tis620",
    "uhc",
    "usascii",
    "utf8",
    "windows31j",
    "xeucjp",
    "xgbk",
    "xsjis",
];

/// The numbers of code pages that extend ASCII, as in `windows-1252`, `cp1252` and `ibm850`.
const CODE_PAGES: &[&str] = &[
    "437", "737", "775", "850", "852", "855", "857", "858", "860", "861", "862", "863", "864", "865", "866", "869",
    "874", "932", "936", "949", "950", "1250", "1251", "1252", "1253", "1254", "1255", "1256", "1257", "1258",
];

/// Whether a form has no content coding, and no charset in which its names can be other bytes. A body that no server
/// decodes before it takes it for a form is readable as well.
pub(crate) fn is_readable(headers: &HeaderMap) -> bool {
    let types = headers.get_all(CONTENT_TYPE).iter().map(HeaderValue::as_bytes);
    let types: Vec<String> = types
        .map(|value| String::from_utf8_lossy(value).to_ascii_lowercase())
        .collect();
    let is_form = types.iter().any(|value| FORMS.iter().any(|form| value.contains(form)));
    !is_form || is_plain(headers) && types.iter().all(|value| extends_ascii(value))
}

fn is_plain(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(CONTENT_ENCODING).iter();
    let mut codings = codings.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    codings.all(|coding| {
        let coding = coding.trim_ascii();
        coding.is_empty() || coding.eq_ignore_ascii_case(b"identity")
    })
}

/// Whether every charset in a media type extends ASCII. The media type is in lower case.
///
/// Some servers look for `charset=` at any place, in a quoted parameter too: each of them counts. Without the `=`, as in a
/// boundary, it is none.
fn extends_ascii(media_type: &str) -> bool {
    media_type.split("charset").skip(1).all(|rest| {
        // `charset*=` and `charset*0=` are those of RFC 2231.
        let rest = rest.trim_start_matches(|character: char| " \t*".contains(character) || character.is_ascii_digit());
        let Some(value) = rest.strip_prefix('=') else {
            return true;
        };
        let value = value.trim_start_matches([' ', '\t', '"', '\'']);
        let end = value.find([';', ',', ' ', '\t', '"']).unwrap_or(value.len());
        is_extension_of_ascii(value[..end].trim_end_matches('\''))
    })
}

fn is_extension_of_ascii(charset: &str) -> bool {
    let name = charset.replace(['-', '_'], "");
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let part_of_iso_8859 = ["iso8859", "latin"].iter().find_map(|family| name.strip_prefix(family));
    let code_page = ["windows", "xcp", "cp", "ibm", "ms"].iter();
    let mut code_page = code_page.filter_map(|family| name.strip_prefix(family));
    CHARSETS.contains(&&*name)
        // Hebrew has the direction of its text behind the number.
        || part_of_iso_8859.is_some_and(|part| is_number(part) || matches!(part, "8i" | "8e"))
        || code_page.any(|number| CODE_PAGES.contains(&number))
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";

    fn readable(lines: &[(HeaderName, &str)]) -> bool {
        let lines = lines.iter();
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        is_readable(&headers)
    }

    #[test]
    fn charsets_that_extend_ascii() {
        for charset in
            "utf-8 utf8 UTF_8 \"UTF-8\" 'utf-8' USASCII ASCII latin1 Latin-9 iso-8859-1 ISO8859-1 iso_8859-15 \
            iso-8859-8-i Windows-1252 windows-874 windows-31j cp1252 CP437 ibm850 cp932 EUC-JP euc_kr Shift_JIS \
            shift-jis x-sjis GBK GB2312 gb18030 Big5 big5-hkscs KOI8-R koi8-u macintosh TIS-620"
                .split_whitespace()
        {
            let value = format!("{FORM}; charset={charset}");
            assert!(readable(&[(CONTENT_TYPE, &value)]), "{value}");
        }
        for charset in "ibm037 cp037 ibm500 ibm1047 cp1140 utf-16 UTF-16LE utf16 ucs-2 utf-32 utf-32be \"utf-7\" \
            unicode-1-1-utf-7 windows-1200 cp1200 cp65000 iso-2022-jp iso-2022-kr hz-gb-2312 iso-10646-ucs-2 x klingon \
            utf-8''ibm037 utf-8x u\\tf-8 latin"
            .split_whitespace()
        {
            let value = format!("{FORM}; charset={charset}");
            assert!(!readable(&[(CONTENT_TYPE, &value)]), "{value}");
        }
    }

    #[test]
    fn each_charset_of_a_media_type_counts() {
        for media_type in [
            "multipart/form-data; boundary=----charsetWebKit",
            "multipart/form-data; boundary=----charset",
            "multipart/form-data; boundary=\"charset utf-16\"",
            "multipart/form-data; boundary=a.charset:b",
            "multipart/form-data; boundary=x; charset=utf-8",
            "application/x-www-form-urlencoded; charset",
            "application/x-www-form-urlencoded;charset = utf-8 ; a=b",
            "application/x-www-form-urlencoded; charset=utf-8, text/plain",
            "application/x-www-form-urlencoded; charset=utf-8;charset=\"latin1\"",
        ] {
            assert!(readable(&[(CONTENT_TYPE, media_type)]), "{media_type}");
        }
        for media_type in [
            "application/x-www-form-urlencoded; charset=",
            "application/x-www-form-urlencoded; charset=\"\"",
            "application/x-www-form-urlencoded; Charset=utf-8; CHARSET=utf-16",
            "application/x-www-form-urlencoded; a=\"; charset=ibm037\"",
            "application/x-www-form-urlencoded; a=charset=ibm037",
            "application/x-www-form-urlencoded; charset = ibm037",
            "application/x-www-form-urlencoded; charset*=utf-8''utf-16",
            "application/x-www-form-urlencoded; charset*0=utf; charset*1=-16",
            "text/plain; charset=utf-16, application/x-www-form-urlencoded",
        ] {
            assert!(!readable(&[(CONTENT_TYPE, media_type)]), "{media_type}");
        }
        let lines = [(CONTENT_TYPE, FORM), (CONTENT_TYPE, "text/plain; charset=utf-16")];
        assert!(!readable(&lines));
    }

    #[test]
    fn a_form_has_no_content_coding() {
        for coding in ["", "identity", "Identity, "] {
            assert!(
                readable(&[(CONTENT_TYPE, FORM), (CONTENT_ENCODING, coding)]),
                "{coding}"
            );
        }
        for coding in ["gzip", "identity, br", "deflate", "x-gzip", "zstd"] {
            for form in [
                FORM,
                "Multipart/Form-Data; boundary=x",
                "text/plain, multipart/form-data",
            ] {
                assert!(
                    !readable(&[(CONTENT_TYPE, form), (CONTENT_ENCODING, coding)]),
                    "{form} {coding}"
                );
            }
        }
        let two = [
            (CONTENT_TYPE, FORM),
            (CONTENT_ENCODING, "identity"),
            (CONTENT_ENCODING, "gzip"),
        ];
        assert!(!readable(&two));
    }

    #[test]
    fn a_body_that_browsers_do_not_send_as_a_form_may_be_encoded() {
        assert!(
            readable(&[]) && readable(&[(CONTENT_ENCODING, "gzip")]),
            "no media type"
        );
        for media_type in [
            "",
            "application/json; charset=utf-16",
            "multipart/related; boundary=x; type=\"application/xop+xml\"",
            "multipart/mixed; boundary=batch_1; charset=utf-16",
            "multipart/byteranges; boundary=x",
        ] {
            let lines = [(CONTENT_TYPE, media_type), (CONTENT_ENCODING, "gzip")];
            assert!(readable(&lines), "{media_type}");
        }
    }
}
