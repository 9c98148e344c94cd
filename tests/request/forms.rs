//! A token in a form, beside the one in the header, in every body that some server reads as a form.

use crate::deployment::Deployment;
use crate::table::{INVALID_REQUEST, PASSES, Table, Want};
use crate::wire::{self, request};

const FORM: &str = "application/x-www-form-urlencoded";

fn post(fields: &[&str], body: &str) -> Vec<u8> {
    let length = format!("Content-Length: {}", body.len());
    let mut bytes = request("POST", "/orders", &[fields, &[&length]].concat());
    bytes.extend(body.as_bytes());
    bytes
}

#[test]
fn a_token_in_what_some_server_reads_as_a_form_is_a_second_credential() {
    let deployment = Deployment::with_routes();
    let line = deployment.writer();
    let mut table = Table::on(&deployment);
    for media_type in [
        FORM.to_owned(),
        format!("{FORM}, text/plain"),
        format!("{FORM}\tx"),
        format!("{FORM} x"),
        format!("{FORM},"),
        format!("{FORM};"),
        format!("{FORM}2"),
        format!("text/plain, {FORM}"),
        format!("text/plain; x=\"{FORM}\""),
        FORM.to_ascii_uppercase(),
        String::new(),
    ] {
        let kind = format!("Content-Type: {media_type}");
        let bytes = post(&[&line, &kind], "a=1&access_token=x");
        table.request(&media_type, &bytes, INVALID_REQUEST);
    }
    let two = [
        "Content-Type: application/json",
        "Content-Type: application/x-www-form-urlencoded",
    ];
    let bytes = post(&[&line, two[0], two[1]], "access_token=x");
    table.request("two lines, the second a form", &bytes, INVALID_REQUEST);
    let bytes = post(&[&line, two[1], two[0]], "access_token=x");
    table.request("two lines, the first a form", &bytes, INVALID_REQUEST);
    let bytes = post(&[&line], "access_token=x");
    table.request("no type", &bytes, INVALID_REQUEST);
    table.finish();
}

/// Servers differ in the boundary that they read, and in what they read as a header of a part.
#[test]
fn a_token_in_a_part_of_a_multipart_body_is_a_second_credential() {
    let deployment = Deployment::with_routes();
    let line = deployment.writer();
    let mut table = Table::on(&deployment);
    let part = |disposition: &str| format!("--b\r\nContent-Disposition: {disposition}\r\n\r\nx\r\n--b--\r\n");
    for media_type in [
        "multipart/form-data; boundary=b",
        "Multipart/Form-Data; Boundary=\"b\"",
        "multipart/form-data",
        "multipart/form-data; boundary=other",
        "multipart/form-data; boundary=b; boundary=c",
        "multipart/form-data; boundary=\"b",
        "multipart/mixed; boundary=b",
        "text/plain, multipart/form-data; boundary=b",
    ] {
        let kind = format!("Content-Type: {media_type}");
        for disposition in [
            "form-data; name=\"access_token\"",
            "form-data; name=access_token; filename=a",
        ] {
            let bytes = post(&[&line, &kind], &part(disposition));
            table.request(&format!("{media_type}, {disposition}"), &bytes, INVALID_REQUEST);
        }
        let bytes = post(&[&line, &kind], &part("form-data; name=\"other\""));
        table.request(&format!("{media_type}, another name"), &bytes, PASSES);
    }
    table.finish();
}

#[test]
fn a_body_of_another_type_is_not_read() {
    let deployment = Deployment::with_routes();
    let line = deployment.writer();
    let mut table = Table::on(&deployment);
    for media_type in [
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        "x-www-form-urlencoded",
    ] {
        let kind = format!("Content-Type: {media_type}");
        let bytes = post(&[&line, &kind], "access_token=x");
        let seen = table.request(media_type, &bytes, PASSES);
        table.check(media_type, seen.iter().all(|one| one.body == b"access_token=x"));
    }
    let seen = table.request("no type, no token", &post(&[&line], "a=1"), PASSES);
    table.check("the body", seen.iter().all(|one| one.body == b"a=1"));
    table.finish();
}

/// Many servers decompress a form, and some read the names of its parameters in the charset of the media type.
#[test]
fn a_form_that_is_read_in_another_way_upstream_is_415() {
    let deployment = Deployment::with_routes();
    let line = deployment.writer();
    let mut table = Table::on(&deployment);
    for (media_type, coding) in [
        (FORM, "Content-Encoding: gzip"),
        (FORM, "Content-Encoding: Deflate"),
        (FORM, "Content-Encoding: identity, br"),
        ("multipart/form-data; boundary=x", "Content-Encoding: zstd"),
        ("application/x-www-form-urlencoded; charset=ibm037", "X: y"),
        ("application/x-www-form-urlencoded;charset=\"UTF-16\"", "X: y"),
        ("application/x-www-form-urlencoded; a=b; Charset=utf-7", "X: y"),
        ("multipart/form-data; boundary=x; charset=utf-32", "X: y"),
        ("application/x-www-form-urlencoded; charset=iso-2022-jp", "X: y"),
    ] {
        let kind = format!("Content-Type: {media_type}");
        let bytes = post(&[&line, &kind, coding], "a=1");
        table.request(&format!("{media_type}, {coding}"), &bytes, Want::status(415));
        let answer = wire::answer(deployment.gate.address, &bytes);
        table.check(media_type, answer.json()["code"] == "unsupported_form_encoding");
    }
    for (media_type, coding) in [
        (FORM, "Content-Encoding: identity"),
        ("application/x-www-form-urlencoded; charset=UTF-8", "X: y"),
        ("application/x-www-form-urlencoded; charset=ISO-8859-1", "X: y"),
        ("application/x-www-form-urlencoded; charset=cp1252", "X: y"),
        ("application/x-www-form-urlencoded; charset=Shift_JIS", "X: y"),
        ("application/x-www-form-urlencoded; charset=GB18030", "X: y"),
        ("multipart/form-data; boundary=----charsetWebKit", "X: y"),
        ("multipart/related; boundary=x", "Content-Encoding: gzip"),
        ("multipart/mixed; boundary=x", "Content-Encoding: gzip"),
        ("application/json; charset=utf-16", "X: y"),
        ("application/json", "Content-Encoding: gzip"),
        ("application/octet-stream", "Content-Encoding: br"),
    ] {
        let kind = format!("Content-Type: {media_type}");
        table.request(
            &format!("{media_type}, {coding}"),
            &post(&[&line, &kind, coding], "a=1"),
            PASSES,
        );
    }
    // No server decompresses a body without a media type and takes it for a form.
    table.request("no type", &post(&[&line, "Content-Encoding: gzip"], "a=1"), PASSES);
    table.finish();
}
