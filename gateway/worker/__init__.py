"""The process that holds conversations: sessions around the turn machine, and the gRPC server in front of them."""
