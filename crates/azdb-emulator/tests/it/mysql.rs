//! The door of MySQL before a server behind that a test plays.

use azdb_emulator::{Emulator, EmulatorOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const COMPRESS: u16 = 1 << 5;
const SSL: u16 = 1 << 11;

async fn hear(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut header = [0; 4];
    stream.read_exact(&mut header).await.unwrap();
    let [a, b, c, number] = header;
    let mut payload = vec![0; u32::from_le_bytes([a, b, c, 0]) as usize];
    stream.read_exact(&mut payload).await.unwrap();
    (number, payload)
}

async fn say(stream: &mut TcpStream, number: u8, payload: &[u8]) {
    let length = u8::try_from(payload.len()).unwrap();
    let packet = [&[length, 0, 0, number], payload].concat();
    stream.write_all(&packet).await.unwrap();
}

/// The greeting of a server that can do everything but TLS.
fn greeting() -> Vec<u8> {
    let mut payload = b"\x0a9.9.9-played\0\x4d\0\0\0abcdefgh\0".to_vec();
    payload.extend((!SSL).to_le_bytes());
    payload.extend([45, 2, 0, 0xff, 0xff, 21]);
    payload.extend([0; 10]);
    payload.extend(b"ijklmnopqrst\0mysql_native_password\0");
    payload
}

async fn before(listener: &TcpListener) -> Emulator {
    let behind = format!("mysql://root:geheim@{}", listener.local_addr().unwrap());
    let mut options = EmulatorOptions::default();
    options.mysql.behind = Some(behind.parse().unwrap());
    Emulator::start(options).await.unwrap()
}

#[tokio::test]
async fn an_app_reads_the_greeting_of_the_server_behind_with_what_the_door_can_do() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let azure = before(&listener).await;
    let mut app = TcpStream::connect(azure.mysql().address()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    say(&mut server, 0, &greeting()).await;
    let (number, heard) = hear(&mut app).await;
    assert_eq!(number, 0);
    let rest = heard.strip_prefix(b"\x0a9.9.9-played\0\x4d\0\0\0").unwrap();
    let offered = u16::from_le_bytes([rest[9], rest[10]]);
    assert_eq!(offered & COMPRESS, 0);
    assert_eq!(offered & SSL, SSL);
    // Without TLS nobody comes further, whatever the server behind would take.
    say(&mut app, 1, &[0; 32]).await;
    let (_, error) = hear(&mut app).await;
    assert_eq!(error.get(..3), Some(&[0xff, 0x57, 0x0c][..]), "error 3159");
}

#[tokio::test]
async fn connection_that_no_app_came_in_on_ends_as_a_login() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let azure = before(&listener).await;
    let mut app = TcpStream::connect(azure.mysql().address()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    say(&mut server, 0, &greeting()).await;
    let _ = hear(&mut app).await;
    drop(app);
    let (number, login) = hear(&mut server).await;
    assert_eq!(number, 1);
    let login = login.get(32..).unwrap();
    assert!(login.starts_with(b"root\0\x14"), "a scramble of 20 bytes");
    assert!(!login.windows(6).any(|bytes| bytes == b"geheim"));
    let switch = b"\xfecaching_sha2_password\0abcdefghijklmnopqrst\0";
    say(&mut server, 2, switch).await;
    let (_, answer) = hear(&mut server).await;
    assert_eq!(answer.len(), 32, "a scramble of SHA-256");
    say(&mut server, 4, &[1, 3]).await;
    say(&mut server, 5, &[0, 0, 0, 2, 0, 0, 0]).await;
    assert_eq!(hear(&mut server).await, (0, vec![1]), "COM_QUIT");
    assert_eq!(azure.mysql().logins().len(), 0);
}
