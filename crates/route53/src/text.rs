//! The values of TXT records as the service writes them: quoted strings of at most 255 bytes. Pure.

/// Longer values need several strings.
const STRING_BYTES: usize = 255;
/// Longer values are refused by the service.
const VALUE_BYTES: usize = 4000;

/// A value in quotes, ready for the service.
pub(crate) fn quote(value: &str) -> Result<String, String> {
    if value.is_empty() || value.len() > VALUE_BYTES {
        return Err(format!("a TXT value has 1 to {VALUE_BYTES} bytes"));
    }
    let mut text = String::with_capacity(value.len() + 8);
    for (place, string) in value.as_bytes().chunks(STRING_BYTES).enumerate() {
        text.push_str(if place == 0 { "\"" } else { " \"" });
        for byte in string {
            match byte {
                b'"' | b'\\' => {
                    text.push('\\');
                    text.push(char::from(*byte));
                }
                0x20..=0x7e => text.push(char::from(*byte)),
                _ => text.push_str(&format!("\\{byte:03o}")),
            }
        }
        text.push('"');
    }
    Ok(text)
}

/// The value of quoted strings, joined; text without quotes as it is.
pub(crate) fn read(text: &str) -> String {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'"') {
        return text.to_owned();
    }
    let mut value = Vec::with_capacity(bytes.len());
    let mut inside = false;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => inside = !inside,
            b'\\' if inside => {
                let octal = bytes.get(at + 1..at + 4);
                match octal.and_then(octal_byte) {
                    Some(byte) => {
                        value.push(byte);
                        at += 3;
                    }
                    None => {
                        at += 1;
                        value.extend(bytes.get(at));
                    }
                }
            }
            byte if inside => value.push(byte),
            _ => {}
        }
        at += 1;
    }
    String::from_utf8_lossy(&value).into_owned()
}

fn octal_byte(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok()?;
    if !text.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
        return None;
    }
    u8::from_str_radix(text, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_quoted_as_the_service_demands() {
        assert_eq!(quote("abc").unwrap(), r#""abc""#);
        assert_eq!(quote(r#"a"b\c"#).unwrap(), r#""a\"b\\c""#);
        assert_eq!(quote("é").unwrap(), r#""\303\251""#);
        let long = quote(&"x".repeat(300)).unwrap();
        assert_eq!(
            long,
            format!(r#""{}" "{}""#, "x".repeat(255), "x".repeat(45))
        );
        assert!(quote("").is_err() && quote(&"x".repeat(4001)).is_err());
    }

    #[test]
    fn what_others_wrote_is_read() {
        assert_eq!(read(r#""a" "b""#), "ab");
        assert_eq!(read("plain"), "plain");
        assert_eq!(read(r#""v=spf1 -all""#), "v=spf1 -all");
        assert_eq!(read(r#""a\"#), "a");
    }

    proptest! {
        #[test]
        fn every_value_survives(value in ".{1,400}") {
            prop_assume!(value.len() <= VALUE_BYTES);
            let quoted = quote(&value).unwrap();
            prop_assert!(quoted.is_ascii());
            prop_assert_eq!(read(&quoted), value);
        }

        #[test]
        fn any_text_is_read(text in ".{0,100}") {
            let _ = read(&text);
        }
    }
}
