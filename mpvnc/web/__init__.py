"""HTTP and WebSocket without I/O: what a browser says and what it is told. Knows neither RFB nor sockets."""
