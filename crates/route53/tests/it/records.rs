//! One value in a set that may hold others.

use crate::contract::{Kind, batches, challenge, there, zone};

const VALUE: &str = "0sDnPZWTyzvWbBqd5PcZ0Zh2yYq3C2JbU8Z8h0mXk1Y";

fn quoted(value: &str) -> String {
    format!("\"{value}\"")
}

pub(crate) async fn one_value_is_added_and_taken_away(kind: Kind) {
    let (client, zone) = (kind.client().await, zone().await);
    let name = challenge(&zone);
    let put = client.put(&zone, &name, VALUE).await.expect("added");
    let change = put.change.expect("a change");
    assert!(!change.contains('/'), "{change}");
    assert_eq!(there(&zone, &name).await, Some((600, vec![quoted(VALUE)])));
    assert_eq!(client.values(&zone, &name).await.expect("read"), [VALUE]);
    let sent = batches(&zone).await;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].changes.len(), 1);
    let created = &sent[0].changes[0];
    assert_eq!((created.action.as_str(), created.ttl), ("CREATE", 600));
    assert_eq!(created.values, [quoted(VALUE)], "quoted on the wire");

    let taken = client.take(&zone, &name, VALUE).await.expect("taken away");
    assert!(taken.change.is_some());
    assert_eq!(
        there(&zone, &name).await,
        None,
        "the last value takes the set with it"
    );
    let again = client.put(&zone, &name, VALUE).await.expect("added again");
    assert!(again.change.is_some());
}

pub(crate) async fn values_of_others_stay(kind: Kind) {
    let (client, zone) = (kind.client().await, zone().await);
    let name = challenge(&zone);
    let spf = r#""v=spf1 include:a.example -all""#;
    let odd = r#""with \"quotes\"" "and two strings""#;
    let server = testbed::route53().await;
    server
        .upsert(&zone.id, &name, "TXT", 300, &[spf, odd])
        .await;
    server
        .upsert(&zone.id, &name, "A", 60, &["127.0.0.1"])
        .await;

    client.put(&zone, &name, VALUE).await.expect("added");
    let mut all = vec![quoted(VALUE), spf.to_owned(), odd.to_owned()];
    all.sort();
    assert_eq!(
        there(&zone, &name).await,
        Some((600, all.clone())),
        "one set with all values"
    );
    let second = "second";
    client.put(&zone, &name, second).await.expect("added");
    client.take(&zone, &name, VALUE).await.expect("taken away");
    let mut left = vec![quoted(second), spf.to_owned(), odd.to_owned()];
    left.sort();
    assert_eq!(there(&zone, &name).await, Some((600, left)));
    client.take(&zone, &name, second).await.expect("taken away");
    let mut theirs = vec![spf.to_owned(), odd.to_owned()];
    theirs.sort();
    assert_eq!(there(&zone, &name).await, Some((600, theirs)));
    let address = server.values(&zone.id, &name, "A").await;
    assert_eq!(address, Some((60, vec!["127.0.0.1".to_owned()])));
    for batch in batches(&zone).await {
        assert!(batch.taken, "{batch:?}");
        let creates = batch.changes.iter().filter(|c| c.action == "CREATE");
        assert!(creates.count() <= 1, "never two sets: {batch:?}");
        assert!(batch.changes.iter().all(|c| c.kind == "TXT"), "{batch:?}");
    }
}

pub(crate) async fn a_value_is_not_added_twice(kind: Kind) {
    let (client, zone) = (kind.client().await, zone().await);
    let name = challenge(&zone);
    client.put(&zone, &name, VALUE).await.expect("added");
    let again = client.put(&zone, &name, VALUE).await.expect("there");
    assert_eq!(again.change, None);
    assert_eq!(
        batches(&zone).await.len(),
        1,
        "nothing was sent the second time"
    );
    assert_eq!(there(&zone, &name).await, Some((600, vec![quoted(VALUE)])));
}

pub(crate) async fn a_value_that_is_not_there_is_not_taken_away(kind: Kind) {
    let (client, zone) = (kind.client().await, zone().await);
    let name = challenge(&zone);
    let nothing = client.take(&zone, &name, VALUE).await.expect("no error");
    assert_eq!(nothing.change, None);
    let theirs = r#""theirs""#;
    let server = testbed::route53().await;
    server.upsert(&zone.id, &name, "TXT", 300, &[theirs]).await;
    let nothing = client.take(&zone, &name, VALUE).await.expect("no error");
    assert_eq!(nothing.change, None);
    assert_eq!(
        there(&zone, &name).await,
        Some((300, vec![theirs.to_owned()]))
    );
    assert!(batches(&zone).await.is_empty());
}
