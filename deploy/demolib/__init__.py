"""What deploy/demo is made of: the screen, the processes, the devices, the view of Kafka."""
