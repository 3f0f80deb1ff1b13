//! Transactions, and sessions beside each other.

use super::*;

#[tokio::test]
async fn transactions_end_as_they_are_told_in_every_spelling() {
    let sample = sample().await;
    for (dialect, begin, end) in [
        (Dialect::Postgres, "begin", "Rollback Work"),
        (Dialect::Postgres, "BEGIN TRANSACTION", "abort"),
        (Dialect::Mysql, "start transaction", "rollback"),
        (Dialect::Tds, "begin tran", "ROLLBACK TRAN"),
        (Dialect::Tds, "Begin Transaction", "rollback transaction"),
    ] {
        let session = sample.session(dialect).unwrap();
        let Ok(begun) = run(&session, begin, &[]).await else {
            panic!("{begin}");
        };
        assert_eq!(begun.kind, Kind::Begin);
        run(&session, "delete from orders", &[]).await.unwrap();
        assert_eq!(shown(&session, "select count(*) from orders").await, ["0"]);
        assert_eq!(session.transaction(), Transaction::Open);
        run(&session, end, &[]).await.unwrap();
        assert_eq!(session.transaction(), Transaction::None);
        assert_eq!(
            shown(&session, "select count(*) from orders").await,
            ["8"],
            "{begin} {end}"
        );
    }
    for (dialect, begin, end) in [
        (Dialect::Postgres, "begin", "end"),
        (Dialect::Mysql, "begin", "COMMIT WORK"),
        (Dialect::Tds, "begin transaction", "commit tran"),
    ] {
        let session = sample.session(dialect).unwrap();
        run(&session, begin, &[]).await.unwrap();
        run(
            &session,
            "update products set stock = stock + 1 where id = 1",
            &[],
        )
        .await
        .unwrap();
        run(&session, end, &[]).await.unwrap();
    }
    let session = sample.session(Dialect::Postgres).unwrap();
    assert_eq!(
        shown(&session, "select stock from products where id = 1").await,
        ["123"]
    );
}

#[tokio::test]
async fn second_writer_waits_and_readers_do_not() {
    let sample = sample().await;
    let (one, two) = (
        sample.session(Dialect::Postgres).unwrap(),
        sample.session(Dialect::Postgres).unwrap(),
    );
    run(&two, "begin; select count(*) from products", &[])
        .await
        .unwrap();
    run(
        &one,
        "begin; update products set stock = 1 where id = 2",
        &[],
    )
    .await
    .unwrap();
    let change = run(
        &two,
        "update products set stock = stock + 1 where id = 2",
        &[],
    );
    let mut change = std::pin::pin!(change);
    let early = tokio::time::timeout(std::time::Duration::from_millis(50), &mut change).await;
    assert!(early.is_err(), "a second writer has to wait");
    let reader = sample.session(Dialect::Mysql).unwrap();
    assert_eq!(
        shown(&reader, "select stock from products where id = 2").await,
        ["35"]
    );
    run(&one, "commit", &[]).await.unwrap();
    assert_eq!(change.await.unwrap().affected, 1);
    assert_eq!(
        shown(&two, "select stock from products where id = 2").await,
        ["2"]
    );
    run(&two, "commit", &[]).await.unwrap();
}

#[tokio::test]
async fn writer_that_waits_can_be_interrupted() {
    let sample = sample().await;
    let (one, two) = (
        sample.session(Dialect::Mysql).unwrap(),
        sample.session(Dialect::Mysql).unwrap(),
    );
    run(&one, "begin; delete from orders", &[]).await.unwrap();
    let interrupt = two.interrupt();
    // Again and again: an interrupt that comes before the statement begins is none.
    let interrupting = async {
        loop {
            interrupt.fire();
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::select! {
        waited = run(&two, "delete from orders", &[]) => waited,
        () = interrupting => unreachable!(),
    };
    assert_eq!(waited, Err(Fault::Cancelled));
    run(&one, "rollback", &[]).await.unwrap();
    assert_eq!(
        run(&two, "delete from orders where id = 1", &[])
            .await
            .unwrap()
            .affected,
        1
    );
}

#[tokio::test]
async fn failed_transaction_of_postgres_waits_for_its_end() {
    let sample = sample().await;
    let session = sample.session(Dialect::Postgres).unwrap();
    run(&session, "begin; delete from orders where id = 1", &[])
        .await
        .unwrap();
    assert!(
        run(&session, "insert into products (name) values ('x')", &[])
            .await
            .is_err()
    );
    assert_eq!(session.transaction(), Transaction::Failed);
    assert_eq!(run(&session, "select 1", &[]).await, Err(Fault::Failed));
    assert_eq!(
        run(&session, "commit", &[]).await.unwrap().kind,
        Kind::Rollback
    );
    assert_eq!(shown(&session, "select count(*) from orders").await, ["8"]);

    let session = sample.session(Dialect::Mysql).unwrap();
    run(&session, "begin; delete from orders where id = 1", &[])
        .await
        .unwrap();
    assert!(
        run(&session, "insert into products (name) values ('x')", &[])
            .await
            .is_err()
    );
    run(&session, "commit", &[]).await.unwrap();
    assert_eq!(shown(&session, "select count(*) from orders").await, ["7"]);
}
