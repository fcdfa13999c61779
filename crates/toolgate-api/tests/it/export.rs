//! Calls as a file. What stands in it is looked at end to end, beside a gateway's records.

use crate::support::{Setup, code, of};

#[tokio::test]
async fn a_file_says_what_it_is_and_how_it_may_be_kept() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    for (format, kind, begin) in [
        ("csv", "text/csv; charset=utf-8", "id,time,workspace,"),
        ("jsonl", "application/jsonl", ""),
        ("parquet", "application/vnd.apache.parquet", "PAR1"),
    ] {
        let path = of(&team.slug, &format!("/calls/export?format={format}"));
        let reply = setup.operator().at(&path).request("GET").await;
        assert_eq!(reply.status, 200, "{format}");
        assert_eq!(reply.headers["content-type"], kind);
        let disposition = &reply.headers["content-disposition"];
        let (start, end) = (
            "attachment; filename=\"calls-team-20",
            format!(".{format}\""),
        );
        assert!(
            disposition.starts_with(start) && disposition.ends_with(&end),
            "{disposition}"
        );
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
        assert_eq!(reply.headers["cache-control"], "no-store");
        assert!(reply.body.starts_with(begin.as_bytes()), "{format}");
    }
}

/// What is wrong shows as such, and not in a file.
#[tokio::test]
async fn a_file_that_cannot_begin_is_refused() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    for (query, status, word) in [
        ("?format=xlsx", 400, "malformed"),
        ("?status=great", 400, "malformed"),
        ("?limit=3", 400, "malformed"),
        // Three tokens of this name.
        ("?token=somebody", 422, "invalid"),
    ] {
        let path = of(&team.slug, &format!("/calls/export{query}"));
        let reply = setup.operator().at(&path).request("GET").await;
        assert_eq!(
            (reply.status, code(&reply).as_str()),
            (status, word),
            "{query}"
        );
    }
    // Who sees only their own calls learns nothing of others' names.
    let path = of(&team.slug, "/calls/export?token=somebody&member=somebody");
    let own = setup.by(&team.developer).at(&path).request("GET").await;
    assert_eq!(own.status, 200);
}
