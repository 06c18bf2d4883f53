"""What people read: catalog, publish, serving generations, views and history."""
