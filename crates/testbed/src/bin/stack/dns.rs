//! Commands that change the table of the stack's DNS server: `dns <name> <kind> <value>`.

use testbed::{DnsData, DnsServer};

/// Does what follows the word `dns`: adds a record of kind `cname`, `txt`, `a` or `aaaa`, or removes all with `remove`.
pub(crate) fn obey(server: &DnsServer, line: &str) -> Result<(), String> {
    let mut words = line.splitn(3, ' ');
    let (Some(name), Some(kind)) = (words.next(), words.next()) else {
        return Err("dns <name> cname|txt|a|aaaa <value>, or dns <name> remove".to_owned());
    };
    let value = words.next().unwrap_or_default();
    let data = match kind {
        "remove" => {
            server.remove(name);
            return Ok(());
        }
        "cname" => DnsData::Cname(value.to_owned()),
        "txt" => DnsData::txt(value),
        "a" => DnsData::A(
            value
                .parse()
                .map_err(|_| format!("{value:?} is no IPv4 address"))?,
        ),
        "aaaa" => DnsData::Aaaa(
            value
                .parse()
                .map_err(|_| format!("{value:?} is no IPv6 address"))?,
        ),
        other => return Err(format!("no kind of record {other:?}")),
    };
    server.add(name, data);
    Ok(())
}
