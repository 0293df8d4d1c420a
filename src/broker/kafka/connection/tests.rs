use super::*;
use kafka_protocol::messages::ApiVersionsRequest;
use tokio::io::DuplexStream;

fn connected() -> (Connection, DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let connection = Connection::new("b:1", "t", Box::new(ours), Arc::new(AtomicU64::new(0)));
    (connection, theirs)
}

/// Reads one request and returns its correlation id.
async fn next_id(broker: &mut DuplexStream) -> i32 {
    let length = broker.read_i32().await.unwrap();
    let mut frame = vec![0; length as usize];
    broker.read_exact(&mut frame).await.unwrap();
    i32::from_be_bytes(frame[4..8].try_into().unwrap())
}

/// An ApiVersions answer of version 0 with an error code.
async fn answer(broker: &mut DuplexStream, id: i32, code: i16) {
    let mut frame = BytesMut::new();
    frame.put_i32(10);
    frame.put_i32(id);
    frame.put_i16(code);
    frame.put_i32(0);
    broker.write_all(&frame).await.unwrap();
}

#[tokio::test]
async fn answers_find_their_requests_in_any_order() {
    let (connection, mut broker) = connected();
    let request = ApiVersionsRequest::default();
    let both = async { tokio::join!(connection.call(&request, 0), connection.call(&request, 0)) };
    let serve = async {
        let (first, second) = (next_id(&mut broker).await, next_id(&mut broker).await);
        answer(&mut broker, second, 2).await;
        answer(&mut broker, first, 1).await;
    };
    let ((one, two), ()) = tokio::join!(both, serve);
    assert_eq!((one.unwrap().error_code, two.unwrap().error_code), (1, 2));
    assert_eq!(connection.sent.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_lost_answer_is_told_from_a_request_never_sent() {
    let (connection, mut broker) = connected();
    let request = ApiVersionsRequest::default();
    let serve = async move {
        next_id(&mut broker).await;
        drop(broker);
    };
    let (lost, ()) = tokio::join!(connection.call(&request, 0), serve);
    assert!(lost.unwrap_err().sent);
    assert!(!connection.is_usable());
    assert!(!connection.call(&request, 0).await.unwrap_err().sent);
}

#[test]
fn first_bytes_that_are_no_frame() {
    assert!(matches!(
        frame_length([0x15, 3, 3, 0]),
        Err(Broken::PlainAgainstTls)
    ));
    assert!(matches!(frame_length(*b"HTTP"), Err(Broken::Foreign(bytes)) if bytes == *b"HTTP"));
    assert!(matches!(frame_length([0xff; 4]), Err(Broken::Foreign(_))));
    assert!(matches!(frame_length([0, 0, 0, 4]), Ok(4)));
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_breaks_the_connection() {
    let (connection, mut broker) = connected();
    let request = ApiVersionsRequest::default();
    let serve = async {
        let id = next_id(&mut broker).await;
        answer(&mut broker, id + 7, 0).await;
    };
    let (failed, ()) = tokio::join!(connection.call(&request, 0), serve);
    assert!(matches!(failed.unwrap_err().why, Broken::Garbled(_)));
}
