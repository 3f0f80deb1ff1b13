//! One cause, one remedy: whatever an app speaks, it reads the same.

use crate::fault::{Explained as _, Fault};
use crate::mysql::Mysql;
use crate::postgres::Postgres;
use crate::rig::{Spoken, every_cause};
use crate::tds::Tds;

#[tokio::test]
async fn a_cause_is_told_in_the_same_words_in_every_protocol() {
    fn read<P: Spoken>() -> Vec<String> {
        let causes = every_cause().into_iter().map(Fault::Shared);
        causes.map(|fault| P::notice(&fault).1).collect()
    }
    let (postgres, mysql, tds) = (read::<Postgres>(), read::<Mysql>(), read::<Tds>());
    let read = postgres.iter().zip(&mysql).zip(&tds);
    for (cause, ((postgres, mysql), tds)) in every_cause().iter().zip(read) {
        let (told, remedy) = (cause.told(), cause.remedy());
        for (text, between) in [(postgres, " "), (mysql, "; "), (tds, ". What to do: ")] {
            assert_eq!(*text, format!("azdb-proxy: {told}{between}{remedy}"));
        }
    }
}
