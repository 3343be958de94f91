use pusher::PusherBuilder;

#[tokio::main]
async fn main() {
    let pusher = PusherBuilder::new("1", "KEY", "SECRET")
        .host("127.0.0.1:7070")
        .finalize();
    let data = serde_json::json!({"message": "hello"});
    match pusher.trigger("first-00000000", "my-event", data).await {
        Ok(_) => println!("sent"),
        Err(error) => eprintln!("{error}"),
    }
}
