use std::os::unix::net::UnixStream;

#[test]
fn the_peer_of_a_unix_socket_is_known() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    assert_eq!(
        toolgate_sys::peer_uid(&ours).unwrap(),
        toolgate_sys::current_uid()
    );
}

#[test]
fn a_socket_without_a_peer_is_an_error() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    assert!(toolgate_sys::peer_uid(&listener).is_err());
    let file = std::fs::File::open("/dev/null").unwrap();
    assert!(toolgate_sys::peer_uid(&file).is_err());
}
