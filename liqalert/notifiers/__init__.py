"""One file per channel. Each implements ports.Notifier and turns its service's failures into DeliveryError."""
